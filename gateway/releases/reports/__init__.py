"""Reports generated from the plan and the record: what neither knows is marked, never invented."""
