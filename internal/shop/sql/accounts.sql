-- Roles and the accounts that own programs; they are locked: a definer need not log in. The accounts that log in are
-- created beside this file, because their password is the caller's.
DELIMITER //

CREATE ROLE shop_read, shop_write
//
GRANT SELECT, SHOW VIEW ON shop.* TO shop_read
//
GRANT SELECT, SHOW VIEW ON shop_archive.* TO shop_read
//
GRANT shop_read TO shop_write
//
GRANT INSERT, UPDATE, DELETE, EXECUTE ON shop.* TO shop_write
//
GRANT INSERT, UPDATE ON shop_archive.* TO shop_write
//
CREATE USER shop_owner@localhost ACCOUNT LOCK COMMENT 'definer of views, routines and triggers'
//
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, TRIGGER ON shop.* TO shop_owner@localhost
//
GRANT SELECT, INSERT, UPDATE ON shop_archive.* TO shop_owner@localhost
//
CREATE USER shop_events@localhost ACCOUNT LOCK ATTRIBUTE '{"purpose": "definer of the event"}'
//
GRANT EVENT ON shop.* TO shop_events@localhost
//
GRANT SELECT, INSERT, DELETE ON shop.heartbeats TO shop_events@localhost
//
