package contract

// Proof is the evidence that a secondary equals the primary.
type Proof struct {
	// Equal is true only when every layer was compared and agrees.
	Equal bool `json:"equal"`
}
