"""HTTP only: parse, call the rule, shape the answer."""
