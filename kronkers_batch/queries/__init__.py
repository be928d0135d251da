"""What there is, for people and programs that read: with the right to, and the ledger's entry."""
