/** A labelled input; codes get digits, a monospaced face and the one-time-code hint for phones. */
import { useId } from 'react';

export interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'email' | 'password';
  readonly autoComplete?: string;
  readonly isCode?: boolean;
  readonly isLong?: boolean;
  readonly optional?: boolean;
  readonly minLength?: number;
  readonly initial?: string;
}

export function Field({
  name,
  label,
  type = 'text',
  autoComplete = 'off',
  isCode = false,
  isLong = false,
  optional = false,
  minLength,
  initial = '',
}: FieldProps) {
  const id = useId();
  const length = minLength === undefined ? {} : { minLength };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {isLong ? (
        <textarea id={id} name={name} maxLength={2_000} required={!optional} defaultValue={initial} {...length} />
      ) : isCode ? (
        <input
          id={id}
          name={name}
          className="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          pattern="[0-9 ]{6,8}"
          maxLength={8}
          required
        />
      ) : (
        <input
          id={id}
          name={name}
          type={type}
          autoComplete={autoComplete}
          required={!optional}
          defaultValue={initial}
          {...length}
        />
      )}
    </div>
  );
}

/** What was typed into a field of a form, without blanks around it. */
export function typed(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
