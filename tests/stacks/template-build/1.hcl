cluster "lab" {
  simulator {}
}
