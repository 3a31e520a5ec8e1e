"""The published networks and models of the public projects that preceded this benchmark."""
