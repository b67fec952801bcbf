# meanwhile: DELETE /cluster/sdn/zones/games
cluster "lab" {
  simulator {}
}
