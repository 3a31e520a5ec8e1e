"""What a trial leaves behind: the one definition of a record, where records lie, what ran where."""
