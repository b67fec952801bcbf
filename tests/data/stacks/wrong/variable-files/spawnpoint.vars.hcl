corse = 4
cores = var.other
