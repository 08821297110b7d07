// Package check says whether a cluster may be resynced, before anything is changed: it observes every node with questions
// alone, and judges what it saw by a fixed list of checks (All), each of which is a pure function over the observations.
//
// It knows what a clone, a channel and the proof need of the servers, and how to say what is missing so that it can be
// pasted. It does not know how any of them is done, it changes nothing on any server, and it decides nothing: a finding that
// fails refuses the run elsewhere.
//
// Every check runs and every finding is reported: an operator who mends one thing must not meet the next one only then.
package check
