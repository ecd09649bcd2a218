// Package account is who signs in: users with their passwords, second factors
// and passkeys, the sessions of their browsers, invitations and roles, and the
// audit log of what everybody changed.
//
// What protects it:
//   - Passwords are hashed with argon2id, only so many at once, so that attempts
//     to sign in cannot use the memory up.
//   - An unknown address is answered as a wrong password is, after the same work.
//   - Attempts are limited by address and by account. A browser that has signed in
//     before has limits of its own, so that strangers lock nobody out.
//   - What a browser holds is a random token, of which the store keeps the hash,
//     or a value that is sealed: bound to what it is for, and short-lived.
//   - A code, a link, a recovery code works once, whatever races.
package account
