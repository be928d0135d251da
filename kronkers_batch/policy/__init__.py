"""Who may do what: the table of roles and permissions, and how what was done enters the ledger."""
