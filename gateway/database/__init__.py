"""Engine, transaction and naming convention; nothing else."""
