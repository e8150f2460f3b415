variable "name" {
  description = "Begins the names of everything that is made."
  type        = string
  default     = "countersign"
}

variable "trail_bucket" {
  description = "The bucket that the organisation's trail writes to, in this account and region."
  type        = string
}

variable "trail_prefix" {
  description = "What stands before AWSLogs/ in the keys of the trail; empty for most."
  type        = string
  default     = ""
}

variable "trail_kms_key_arn" {
  description = "The key that the trail is encrypted with; empty when it is none of your own."
  type        = string
  default     = ""
}

variable "manage_notification" {
  description = "Whether this module owns the bucket's notification configuration. A bucket has only one."
  type        = bool
  default     = true
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
