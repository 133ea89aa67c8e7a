"""What can be said of core, as data: the two judgements, activity, ownership."""
