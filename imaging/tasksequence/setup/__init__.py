"""Steps that set a Windows up or prepare it to be captured, and installing from the files of its Setup."""
