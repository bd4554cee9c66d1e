//! Decorators over a provider: span, meter, guard, breaker, deadline.
