"""Task sequences of ConfigMgr and MDT: their variables, their actions, their files, and running them."""
