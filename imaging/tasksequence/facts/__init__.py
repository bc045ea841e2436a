"""What is known of the computer that is deployed to, and the questions that conditions and rules ask of it."""
