variable "name" {
  description = "Begins the names of both roles; the same in every account."
  type        = string
  default     = "countersign"
}

variable "countersign_principal_arn" {
  description = "The role or user that Countersign runs as."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", var.countersign_principal_arn))
    error_message = "Write the ARN of one role or user: arn:aws:iam::111122223333:role/countersign."
  }
}

variable "external_id" {
  description = "A secret of your choosing; the same stands in Countersign's environment."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.external_id) >= 16
    error_message = "Use sixteen characters or more, from a generator."
  }
}

variable "break_glass_arns" {
  description = "Principals that are kept for emergencies: never touched, also not by mistake."
  type        = list(string)
  default     = []
}
