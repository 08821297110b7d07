// Package clone runs, watches, joins and judges MySQL's CLONE INSTANCE on a recipient.
//
// What makes it its own package is that the statement does not live as long as its client: a CLONE whose client died, or whose
// context ended, goes on at the server to its end and restarts it (measured on 9.7). So starting, watching and judging are three
// things here: Run starts one and watches it, Join watches one that somebody started, WaitOutRestart judges by what the server
// itself recorded, and Belongs binds that record to this run.
//
// It knows the plugin's errors, tables and knobs. It does not know who chose the donor.
package clone
