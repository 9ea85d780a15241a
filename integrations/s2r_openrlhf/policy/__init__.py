"""Inside the actor that trains the policy: the loss over actions."""
