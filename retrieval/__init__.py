"""Documents to passages, vectors to the nearest ids. Knows nothing of people, prompts or databases."""
