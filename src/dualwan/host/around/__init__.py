"""Sources of the surroundings, one module each. Reading changes nothing."""
