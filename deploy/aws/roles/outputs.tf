output "revert_role" {
  description = "For `reverts.role` in countersign.yaml."
  value       = aws_iam_role.revert.name
}

output "baseline_role" {
  description = "For `reverts.read_role`."
  value       = aws_iam_role.baseline.name
}
