package clients

// Declare makes the application what a new one would be of the patch alone, as New has it. Errors: fault.Invalid, one for each mistake.
func (p Patch) Declare(a *Application) error {
	in, err := p.New()
	if err != nil {
		return err
	}
	fresh := in.Kind.Preset()
	if fresh.Kind == "" {
		return unknownKind(in.Kind)
	}
	if err := in.Configure(&fresh); err != nil {
		return err
	}
	d := fresh.Document()
	return d.apply(a)
}
