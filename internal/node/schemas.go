package node

// UserSchemas is the SQL condition that keeps, of a column of schema names, every schema but those that a server has for itself. What
// is listed, erased, rehearsed and proven must be one and the same set: a schema that one step leaves out and another does not would be
// erased unannounced or never compared.
const UserSchemas = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
