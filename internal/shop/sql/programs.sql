-- Views, routines, triggers and the event. Their definers are accounts that cannot log in, so that a copy which
-- takes the definer of whoever repaired it is found out.
DELIMITER //

CREATE DEFINER = shop_owner@localhost FUNCTION shop.with_tax(net DECIMAL(12, 2), rate DECIMAL(5, 4))
  RETURNS DECIMAL(12, 2) DETERMINISTIC NO SQL SQL SECURITY INVOKER
  COMMENT 'net price and tax, to the cent'
  RETURN ROUND(net * (1 + rate), 2)
//
CREATE DEFINER = shop_owner@localhost PROCEDURE shop.ship_order(IN the_order BIGINT UNSIGNED)
  MODIFIES SQL DATA
  COMMENT 'sets the total from the lines and ships'
BEGIN
  DECLARE the_total DECIMAL(14, 2) DEFAULT 0;
  SELECT COALESCE(SUM(amount), 0) INTO the_total FROM shop.order_lines WHERE order_id = the_order;
  UPDATE shop.orders SET total = the_total, state = 'shipped', remark = CONCAT('verschickt 📦 ', the_order)
   WHERE id = the_order AND state IN ('open', 'paid');
END
//
CREATE DEFINER = shop_owner@localhost TRIGGER shop.products_price AFTER UPDATE ON shop.products FOR EACH ROW
BEGIN
  IF NEW.price <> OLD.price THEN
    INSERT INTO shop_archive.price_history (product_id, valid_from, price) VALUES (NEW.id, NOW(6), NEW.price)
      ON DUPLICATE KEY UPDATE price = NEW.price;
  END IF;
END
//
CREATE DEFINER = shop_owner@localhost TRIGGER shop.orders_gone BEFORE DELETE ON shop.orders FOR EACH ROW
  INSERT INTO shop_archive.orders_gone (id, gone_at, record)
  VALUES (OLD.id, NOW(6), JSON_OBJECT('customer', OLD.customer_id, 'total', OLD.total, 'state', OLD.state))
//
CREATE DEFINER = shop_owner@localhost SQL SECURITY DEFINER VIEW shop.best_sellers AS
  SELECT p.id, p.name, SUM(l.quantity) AS sold, SUM(shop.with_tax(l.amount, 0.19)) AS turnover
    FROM shop.products p JOIN shop.order_lines l ON l.product_id = p.id
   GROUP BY p.id, p.name
//
CREATE DEFINER = shop_owner@localhost SQL SECURITY INVOKER VIEW shop_archive.best_prices AS
  SELECT b.id, b.sold, (SELECT MIN(h.price) FROM shop_archive.price_history h WHERE h.product_id = b.id) AS lowest
    FROM shop.best_sellers b
//
CREATE DEFINER = shop_events@localhost EVENT shop.heartbeat ON SCHEDULE EVERY 2 SECOND
  ON COMPLETION PRESERVE COMMENT 'writes by itself, on the primary only'
  DO BEGIN
    INSERT INTO shop.heartbeats (at, note) VALUES (NOW(6), CONCAT('beat of ', @@server_uuid));
    DELETE FROM shop.heartbeats WHERE at < NOW(6) - INTERVAL 1 HOUR;
  END
//
