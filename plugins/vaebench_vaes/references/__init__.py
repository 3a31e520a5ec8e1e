"""The networks and models of the public projects that this benchmark succeeds, as they were published."""
