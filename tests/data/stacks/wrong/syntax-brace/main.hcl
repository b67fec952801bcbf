cluster "lab" {
  simulator {}

vm "mc" {
  cores = 2
}
