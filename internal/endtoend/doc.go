// Package endtoend holds no code: its tests run the product's own worker against a real Temporal server and real MySQL servers, and
// break them on purpose. Every node is reached by one address from the worker and by another from its peers, customers write to the
// primary the whole time, and at the end everything that was written anywhere is searched for passwords.
package endtoend
