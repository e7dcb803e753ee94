"""Reviews: a second person looks at what one has taken away, in time or chased for it."""
