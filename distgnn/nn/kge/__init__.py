"""Knowledge-graph embeddings, and the ranking that they are judged by."""
