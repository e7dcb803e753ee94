"""Places: organisations in line for stages that admit only so many."""
