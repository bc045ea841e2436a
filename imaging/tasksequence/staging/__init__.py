"""What runs at the first start of the Windows that is deployed: the commands of steps, and putting them on its disk."""
