-- The first rows of each table, numbers @lo to @hi of a series. Every value is a function of its number, so that two
-- loads of one size are equal byte for byte. The series is the statement's own, so that no helper table is left behind.
-- @customers, @products, @stores and @orders are the sizes of the series that others point to.
DELIMITER //

-- series categories
INSERT INTO shop.categories (id, parent_id, name)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT n, IF(n < 6, NULL, n DIV 5), CONCAT(ELT(1 + n % 5, '📚 Bücher', '🎲 Spiele', '🌱 Garten', '🍳 Küche', '🎸 Musik'), ' ', n)
  FROM series
//
-- series stores
INSERT INTO shop.stores (id, name, place, opens, founded, area)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT n, CONCAT('Filiale ', n, ' 🏬'),
       ST_SRID(POINT(-20 + n * 1.7182818, 35 + n * 0.61803399), 4326),
       MAKETIME(7 + n % 3, n * 7 % 60, 0.125 * (n % 8)), 1970 + n, 900.5 + n * 412.36
  FROM series
//
-- series customers
INSERT INTO shop.customers (id, email, name, name_exact, street, tier, interests, flags, credit, born, joined_at,
                            changed_at, preferences, inner_note)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('customer ', n)) AS c FROM series)
SELECT n, CONCAT('Kunde', n, '@', ELT(1 + c % 4, 'example.com', 'example.org', 'mail.example', 'shop.example')),
       CONCAT(ELT(1 + c % 6, 'Zoë 😀', 'Łukasz', '李娜', 'Ångström 🧪', 'Ñuño', 'O''Brien'), ' ', HEX(c)),
       CONCAT(CHAR(65 + c % 26), LOWER(HEX(c)), '𝄞'),
       CONCAT('Straße ', c % 999, ' à'), 1 + c % 4, c % 32, c % 4096,
       (c % 100000000) / 10000, IF(c % 9 = 0, NULL, '1940-01-01' + INTERVAL c % 25000 DAY),
       '2019-01-01' + INTERVAL n MINUTE + INTERVAL c % 1000000 MICROSECOND,
       '2024-01-01' + INTERVAL n SECOND + INTERVAL c % 1000000 MICROSECOND,
       IF(c % 13 = 0, NULL, JSON_OBJECT('language', ELT(1 + c % 3, 'de', 'pl', '中文'), 'letters', c % 2 = 0,
          'score', c / 7, 'seen', JSON_ARRAY(c % 100, c % 1000, NULL, '🛒'))),
       CONCAT('hidden ', c)
  FROM mixed
//
-- series products
INSERT INTO shop.products (id, sku, category_id, name, description, price, weight, rating, attributes, warranty)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('product ', n)) AS c FROM series)
SELECT n, CONCAT('SKU', LPAD(n, 9, '0')), 1 + c % 25,
       CONCAT(ELT(1 + c % 5, 'lamp', 'chair', 'kettle', 'puzzle', 'rake'), ' ', ELT(1 + c DIV 8 % 4, 'blue', 'oak', 'classic', '✨ new'), ' ', n),
       REPEAT(CONCAT('A ', ELT(1 + c % 4, 'sturdy', 'light', 'quiet', 'folding'), ' thing for every house, number ', n, '. '), 3 + c % 6),
       0.99 + (c % 99900) / 100, 0.1 + (c % 65536) / 77, IF(c % 11 = 0, NULL, (c % 50000) / 9973e0),
       JSON_OBJECT('colour', ELT(1 + c % 4, 'red', 'grün', '黒', 'clear'), 'tags', JSON_ARRAY(CONCAT('t', c % 50), CONCAT('u', c % 7)),
                   'size', JSON_OBJECT('w', c % 300, 'h', c % 200, 'd', c / 3)),
       CAST(c % 60 AS SIGNED) - 12
  FROM mixed
//
-- series product_photos
INSERT INTO shop.product_photos (id, product_id, taken_at, body, digest)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, UNHEX(SHA2(CONCAT('photo ', n), 512)) AS h FROM series)
SELECT LEFT(h, 16), 1 + (n - 1) % @products, '2023-05-05 12:00:00.125' + INTERVAL n SECOND,
       REPEAT(CONCAT(h, REVERSE(h)), 32 + n % 192), RIGHT(h, 32)
  FROM mixed
//
-- series stock
INSERT INTO shop.stock (store_id, product_id, quantity, counted_at)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT 1 + (n - 1) DIV @products, 1 + (n - 1) % @products, 200 + CRC32(CONCAT('stock ', n)) % 5000,
       '2025-02-01' + INTERVAL n * 37 MICROSECOND
  FROM series
//
-- series order_lines
INSERT INTO shop.order_lines (order_id, line, product_id, quantity, unit_price)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('line ', n)) AS c FROM series)
SELECT 1 + (n - 1) DIV 3, 1 + (n - 1) % 3, 1 + c % @products, 1 + c % 7, 0.99 + (c % 50000) / 100
  FROM mixed
//
-- series orders
INSERT INTO shop.orders (id, customer_id, store_id, state, placed_at, total, remark)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('order ', n)) AS c FROM series)
SELECT n, 1 + c % @customers, 1 + c % @stores, 1 + c % 4, '2022-01-01' + INTERVAL n * 11 MINUTE + INTERVAL c % 1000000 MICROSECOND,
       (SELECT SUM(l.amount) FROM shop.order_lines l WHERE l.order_id = n), IF(c % 5 = 0, CONCAT('bitte läuten 🔔 ', c), NULL)
  FROM mixed
//
-- series carts
INSERT INTO shop.carts (id, customer_id, items, touched_at)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, SHA2(CONCAT('cart ', n), 256) AS h, CRC32(CONCAT('cart ', n)) AS c FROM series)
SELECT UNHEX(LEFT(h, 32)), 1 + c % @customers,
       JSON_ARRAY(JSON_OBJECT('product', 1 + c % @products, 'n', c % 4), JSON_OBJECT('product', 1 + c DIV 3 % @products, 'n', 1, 'gift', '🎁')),
       '2025-01-01' + INTERVAL n SECOND
  FROM mixed
//
-- series page_views
INSERT INTO shop.page_views (id, seen_on, seen_at, path, agent, millis)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('view ', n)) AS c FROM series)
SELECT n, '2023-01-01' + INTERVAL n % 1200 DAY, MAKETIME(c % 24, c % 60, (c % 59999999) / 1000000),
       CONCAT('/p/', 1 + c % @products, '?ref=', HEX(c)), UNHEX(LPAD(HEX(c), 32, 'F09F9880')), c % 16000000
  FROM mixed
//
-- series clicks
INSERT INTO shop.clicks (visit, target, x, y)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, CRC32(CONCAT('click ', n DIV 2)) AS c FROM series)
SELECT n DIV 6, CONCAT('#', ELT(1 + c % 3, 'buy', 'more', '♥ save')), IF(c % 17 = 0, NULL, c % 1920), CAST(c % 1080 AS SIGNED) - 40
  FROM mixed
//
-- series counters
INSERT INTO shop.counters (id, label, hits, delta)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT 18446744073709551615 - (n - 1), CONCAT('counter ', n), 18446744073709551615 - n * 4294967296, -9223372036854775807 + CAST(n AS SIGNED)
  FROM series
//
-- series gift cards
INSERT INTO shop.`gift cards` (`card no.`, `a ``balance```, `Größe`)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT CONCAT('4000', LPAD(n, 12, '0')), 5 * (1 + n % 20), 1 + n % 3
  FROM series
//
-- series price_history
INSERT INTO shop_archive.price_history (product_id, valid_from, price)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT 1 + (n - 1) % @products, '2021-01-01' + INTERVAL n HOUR + INTERVAL n % 1000000 MICROSECOND, 1 + n % 5000 / 100
  FROM series
//
-- series returns
INSERT INTO shop_archive.returns (id, order_id, reason)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT n, IF(n % 5 = 0, NULL, 1 + n * 7 % @orders), CONCAT('zu klein 😕 ', REPEAT('… ', n % 20))
  FROM series
//
-- series documents
INSERT INTO shop_archive.documents (id, title, body, scan)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi),
     mixed AS (SELECT n, SHA2(CONCAT('document ', n), 512) AS h FROM series)
SELECT n, CONCAT('Vertrag ', n), REPEAT(CONCAT(h, ' §', n, ' ✍️ '), 60 + n % 40), IF(n % 4 = 0, NULL, REPEAT(UNHEX(h), 64 + n % 64))
  FROM mixed
//
-- series manuals
INSERT INTO shop_archive.manuals (id, body)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT n, REPEAT(CONCAT('Schritt ', n, ': drücken. '), 100 + n % 50)
  FROM series
//
-- series tax rates
INSERT INTO shop_archive.`tax rates 2024` (country, rate)
WITH RECURSIVE series (n) AS (SELECT CAST(@lo AS UNSIGNED) UNION ALL SELECT n + 1 FROM series WHERE n < @hi)
SELECT ELT(n, 'AT', 'CZ', 'DE', 'FR', 'PL', 'SE'), ELT(n, 0.20, 0.21, 0.19, 0.20, 0.23, 0.25)
  FROM series
//
