-- Every kind of column, key and table that a copy can get wrong. Order follows the foreign keys.
DELIMITER //

CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci
//
CREATE DATABASE shop_archive CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
//

CREATE TABLE shop.customers (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  email        VARCHAR(190) NOT NULL,
  name         VARCHAR(120) NOT NULL COMMENT 'holds 4-byte characters',
  name_exact   VARCHAR(120) COLLATE utf8mb4_bin NOT NULL,
  street       VARCHAR(120) CHARACTER SET latin1 NOT NULL,
  tier         ENUM('basic', 'silver', 'gold', 'größer') NOT NULL DEFAULT 'basic',
  interests    SET('books', 'games', 'garden', 'kitchen', 'music') NOT NULL DEFAULT '',
  flags        BIT(12) NOT NULL DEFAULT b'0',
  credit       DECIMAL(14, 4) NOT NULL DEFAULT 0,
  born         DATE NULL,
  joined_at    DATETIME(6) NOT NULL,
  changed_at   TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  preferences  JSON NULL,
  mail_host    VARCHAR(190) GENERATED ALWAYS AS (SUBSTRING_INDEX(email, '@', -1)) VIRTUAL,
  inner_note   VARCHAR(200) NOT NULL DEFAULT '' INVISIBLE,
  PRIMARY KEY (id),
  UNIQUE KEY email (email),
  KEY mail_host (mail_host),
  KEY email_lower ((LOWER(email))),
  KEY newest (joined_at DESC),
  CONSTRAINT customers_email_has_at CHECK (email LIKE '%_@_%')
)
//
CREATE TABLE shop.categories (
  id        SMALLINT UNSIGNED NOT NULL,
  parent_id SMALLINT UNSIGNED NULL,
  name      VARCHAR(80) NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT categories_parent FOREIGN KEY (parent_id) REFERENCES shop.categories (id) ON DELETE SET NULL
)
//
CREATE TABLE shop.products (
  id          INT UNSIGNED NOT NULL AUTO_INCREMENT,
  sku         CHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  category_id SMALLINT UNSIGNED NOT NULL,
  name        VARCHAR(160) NOT NULL,
  description TEXT NOT NULL,
  price       DECIMAL(12, 2) NOT NULL,
  gross       DECIMAL(12, 2) GENERATED ALWAYS AS (ROUND(price * 1.19, 2)) STORED NOT NULL,
  weight      FLOAT NOT NULL,
  rating      DOUBLE NULL,
  attributes  JSON NOT NULL,
  colour      VARCHAR(40) GENERATED ALWAYS AS (JSON_UNQUOTE(JSON_EXTRACT(attributes, '$.colour'))) VIRTUAL,
  warranty    TINYINT NOT NULL DEFAULT 24,
  PRIMARY KEY (id),
  UNIQUE KEY sku (sku),
  KEY colour (colour),
  KEY tags ((CAST(attributes -> '$.tags' AS CHAR(24) ARRAY))),
  FULLTEXT KEY words (name, description),
  CONSTRAINT products_price_positive CHECK (price > 0),
  CONSTRAINT products_category FOREIGN KEY (category_id) REFERENCES shop.categories (id)
)
//
CREATE TABLE shop.product_photos (
  id         BINARY(16) NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  taken_at   DATETIME(3) NOT NULL,
  body       MEDIUMBLOB NOT NULL,
  digest     BINARY(32) NOT NULL,
  PRIMARY KEY (id),
  KEY body_start (body(16)),
  CONSTRAINT photos_product FOREIGN KEY (product_id) REFERENCES shop.products (id) ON DELETE CASCADE
)
//
CREATE TABLE shop.stores (
  id       SMALLINT UNSIGNED NOT NULL,
  name     VARCHAR(80) NOT NULL,
  place    POINT NOT NULL SRID 4326,
  opens    TIME(3) NOT NULL,
  founded  YEAR NOT NULL,
  area     FLOAT NOT NULL COMMENT 'square metres',
  PRIMARY KEY (id),
  SPATIAL KEY place (place)
)
//
CREATE TABLE shop.stock (
  store_id   SMALLINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity   INT NOT NULL,
  counted_at DATETIME(6) NOT NULL,
  PRIMARY KEY (store_id, product_id),
  CONSTRAINT stock_not_negative CHECK (quantity >= 0),
  CONSTRAINT stock_store FOREIGN KEY (store_id) REFERENCES shop.stores (id),
  CONSTRAINT stock_product FOREIGN KEY (product_id) REFERENCES shop.products (id)
)
//
CREATE TABLE shop.orders (
  id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  customer_id BIGINT UNSIGNED NOT NULL,
  store_id    SMALLINT UNSIGNED NOT NULL,
  state       ENUM('open', 'paid', 'shipped', 'returned') NOT NULL DEFAULT 'open',
  placed_at   DATETIME(6) NOT NULL,
  placed_on   DATE GENERATED ALWAYS AS (CAST(placed_at AS DATE)) VIRTUAL,
  total       DECIMAL(14, 2) NOT NULL DEFAULT 0,
  remark      TINYTEXT NULL,
  PRIMARY KEY (id),
  KEY day (placed_on),
  KEY state (state, id),
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES shop.customers (id) ON UPDATE CASCADE,
  CONSTRAINT orders_store FOREIGN KEY (store_id) REFERENCES shop.stores (id)
)
//
CREATE TABLE shop.order_lines (
  order_id   BIGINT UNSIGNED NOT NULL,
  line       TINYINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity   SMALLINT UNSIGNED NOT NULL,
  unit_price DECIMAL(12, 2) NOT NULL,
  amount     DECIMAL(14, 2) GENERATED ALWAYS AS (quantity * unit_price) STORED NOT NULL,
  PRIMARY KEY (order_id, line),
  CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES shop.orders (id) ON DELETE CASCADE,
  CONSTRAINT lines_product FOREIGN KEY (product_id) REFERENCES shop.products (id)
)
//
CREATE TABLE shop.carts (
  id          BINARY(16) NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  items       JSON NOT NULL,
  touched_at  DATETIME(6) NOT NULL,
  PRIMARY KEY (id),
  KEY touched (touched_at),
  CONSTRAINT carts_customer FOREIGN KEY (customer_id) REFERENCES shop.customers (id)
)
//
CREATE TABLE shop.page_views (
  id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  seen_on  DATE NOT NULL,
  seen_at  TIME(6) NOT NULL,
  path     VARCHAR(200) NOT NULL,
  agent    VARBINARY(64) NOT NULL,
  millis   MEDIUMINT UNSIGNED NOT NULL,
  PRIMARY KEY (id, seen_on)
) PARTITION BY RANGE COLUMNS (seen_on) (
  PARTITION y2023 VALUES LESS THAN ('2024-01-01'),
  PARTITION y2024 VALUES LESS THAN ('2025-01-01'),
  PARTITION y2025 VALUES LESS THAN ('2026-01-01'),
  PARTITION later VALUES LESS THAN (MAXVALUE)
)
//
-- No primary key and many rows that are equal in every column.
CREATE TABLE shop.clicks (
  visit   INT UNSIGNED NOT NULL,
  target  VARCHAR(60) NOT NULL,
  x       SMALLINT NULL,
  y       SMALLINT NULL,
  KEY visit (visit)
)
//
CREATE TABLE shop.counters (
  id    BIGINT UNSIGNED NOT NULL COMMENT 'counts down from 2^64-1',
  label VARCHAR(40) NOT NULL,
  hits  BIGINT UNSIGNED NOT NULL,
  delta BIGINT NOT NULL,
  PRIMARY KEY (id)
)
//
CREATE TABLE shop.`gift cards` (
  `card no.`   CHAR(16) CHARACTER SET ascii NOT NULL,
  `a ``balance``` DECIMAL(10, 2) NOT NULL,
  `Größe`      ENUM('S', 'M', 'L') NOT NULL,
  PRIMARY KEY (`card no.`)
)
//
CREATE TABLE shop.heartbeats (
  id    BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  at    DATETIME(6) NOT NULL,
  note  VARCHAR(80) NOT NULL,
  PRIMARY KEY (id)
)
//
-- One row for each transaction of a Writer: what was acknowledged must be found here.
CREATE TABLE shop.ledger (
  run    BINARY(16) NOT NULL,
  worker SMALLINT UNSIGNED NOT NULL,
  seq    BIGINT UNSIGNED NOT NULL,
  deed   VARCHAR(20) CHARACTER SET ascii NOT NULL,
  at     DATETIME(6) NOT NULL,
  PRIMARY KEY (run, worker, seq)
)
//

CREATE TABLE shop_archive.price_history (
  product_id INT UNSIGNED NOT NULL,
  valid_from DATETIME(6) NOT NULL,
  price      DECIMAL(12, 2) NOT NULL,
  PRIMARY KEY (product_id, valid_from)
) PARTITION BY HASH (product_id) PARTITIONS 3
//
CREATE TABLE shop_archive.orders_gone (
  id      BIGINT UNSIGNED NOT NULL,
  gone_at DATETIME(6) NOT NULL,
  record  JSON NOT NULL,
  PRIMARY KEY (id)
)
//
CREATE TABLE shop_archive.returns (
  id       BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  order_id BIGINT UNSIGNED NULL,
  reason   TEXT NOT NULL,
  PRIMARY KEY (id),
  CONSTRAINT returns_order FOREIGN KEY (order_id) REFERENCES shop.orders (id) ON DELETE SET NULL
)
//
CREATE TABLE shop_archive.documents (
  id     INT UNSIGNED NOT NULL,
  title  VARCHAR(120) NOT NULL,
  body   LONGTEXT NOT NULL,
  scan   LONGBLOB NULL,
  PRIMARY KEY (id)
)
//
CREATE TABLE shop_archive.manuals (
  id   INT UNSIGNED NOT NULL,
  body MEDIUMTEXT NOT NULL,
  PRIMARY KEY (id)
) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8
//
CREATE TABLE shop_archive.`tax rates 2024` (
  country CHAR(2) NOT NULL,
  rate    DECIMAL(5, 4) NOT NULL,
  PRIMARY KEY (country)
)
//
