"""The hub's migrations, in order; `hub.upgrades` runs them."""
