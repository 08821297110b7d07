package node

// ReadHolder lets the tests see a lock from outside.
var ReadHolder = readHolder
