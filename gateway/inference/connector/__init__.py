"""The gateway's own HTTP/1.1 client: pooled connections to the operator's upstreams, and to nothing else."""
