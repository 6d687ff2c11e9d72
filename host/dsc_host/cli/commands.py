"""The table of all commands, by section: the name, the module and function, and the first sentence of the help.

The module of a command is imported only when the command is used. Other packages add a `Section` through the entry-point group
`dscplus.commands`, which imports the package for each `--help`. The simulator's commands are in this table instead, because
the import of the simulator would double the time of `--help`.
"""

from dsc_host.cli.lazy import Command, Noun, Section


def _command(name: str, place: str, summary: str) -> Command:
    return Command(name, f"dsc_host.cli.{place}", summary)


SECTIONS = (
    Section(
        "A connected card",
        (
            _command("list", "line:list_", "List the ports that a card may be attached to."),
            _command("info", "line:info", "Show the data that a card reports about itself."),
            _command("respond", "line:respond", "Send a challenge to the card and print its response."),
            _command("personalize", "line:personalize", "Give a blank card its key, and enroll it."),
            _command("wipe", "line:wipe", "Make a card blank."),
        ),
    ),
    Section(
        "Records",
        (
            _command("enroll", "records:enroll", "Enroll a card whose key is known."),
            _command("challenge", "records:challenge", "Issue a challenge for a card, as a login page would."),
            _command("verify", "records:verify", "Verify a response to a challenge."),
            _command("resync", "records:resync", "Catch up with a card that is too far ahead."),
            Noun(
                "card",
                "Manage the cards in the records.",
                (
                    _command("list", "card:list_cards", "List the cards in the order of their serials."),
                    _command("show", "card:show_card", "Show everything about one card, except its secrets."),
                    _command("suspend", "card:suspend", "Stop accepting a card until `card resume`."),
                    _command("lost", "card:lost", "Stop accepting a card that its owner has lost."),
                    _command("resume", "card:resume", "Take a suspended or lost card back into use."),
                    _command("retire", "card:retire", "Retire a card forever, and erase its key and PINs."),
                    _command(
                        "lock", "card:lock", "Lock a card for some time, as the verifier does after too many wrong responses."
                    ),
                    _command("unlock", "card:unlock", "Unlock a card that the verifier has locked."),
                    _command("unlock-code", "unlock_code:unlock_code", "Make a code that unlocks a card."),
                    Noun(
                        "pin",
                        "Set or change the PINs of cards in the records.",
                        (
                            _command("change", "card:change_pin", "Change a card's PIN in the records."),
                            _command("set", "card_pins:set_pin", "Set the PIN of a card that awaits its PIN."),
                            _command(
                                "draw",
                                "card_pins:draw_pins",
                                "Draw the PINs of cards that await their PIN, and print each PIN once.",
                            ),
                        ),
                        default="change",
                    ),
                    _command(
                        "duress-pin", "card:set_duress_pin", "Set a second PIN, for an owner who may be forced to log in."
                    ),
                    _command("add-owner", "card:add_owner", "Add an owner to a card, in addition to its other owners."),
                    _command("remove-owner", "card:remove_owner", "Remove an owner from a card."),
                ),
            ),
            _command("import", "exchange:import_cards", "Import cards from a PSKC file or from a CSV list."),
            _command("export", "exchange:export_cards", "Export cards to a PSKC file or to a CSV list."),
            Noun(
                "audit",
                "Check, seal, archive and export the audit log.",
                (
                    _command("verify", "audit:verify_log", "Check the log for tampering."),
                    _command(
                        "seal", "audit:seal_log", "Check the new entries, and seal a checkpoint at the end of each segment."
                    ),
                    _command("archive", "audit:archive_log", "Move old segments of the log into compressed files."),
                    _command("export", "audit:export_log", "Print the log as JSON lines."),
                ),
            ),
            Noun(
                "key",
                "Manage the master keys that seal the records.",
                (
                    _command(
                        "list", "key:list_keys", "List the master keys of the file: each id, and how many cards it seals."
                    ),
                    _command("add", "key:add_key", "Generate a new master key and append it to the file."),
                    _command("promote", "key:promote_key", "Choose the key of the file that seals new secrets."),
                    _command(
                        "drop", "key:drop_key", "Remove a key from the file, if it no longer seals anything in the records."
                    ),
                ),
            ),
            _command("rekey", "key:rekey", "Seal all secrets again under the first key of the file."),
            _command("backup", "backup:make_backup", "Write all records into one file."),
            _command("restore", "backup:restore_backup", "Restore a backup into new records: all of it, or nothing."),
        ),
    ),
    Section(
        "Login system",
        (
            _command("portal", "portal:portal", "Serve the pages of the login system."),
            _command(
                "gateway-demo",
                "gateway_demo:gateway_demo",
                "Try logins to other programs: a page behind nginx, and a shell.",
            ),
            Noun(
                "radius",
                "Log users in to programs that speak RADIUS.",
                (
                    _command("serve", "radius:serve", "Log users in to programs that speak RADIUS."),
                    Noun(
                        "client",
                        "Manage the programs that log users in with RADIUS.",
                        (
                            _command(
                                "add",
                                "radius:add_client",
                                "Add a program that logs users in with RADIUS, and print its shared secret.",
                            ),
                            _command("list", "radius:list_clients", "List the programs that log users in with RADIUS."),
                            _command(
                                "remove",
                                "radius:remove_client",
                                "Remove a program that logs users in with RADIUS, and its secret.",
                            ),
                        ),
                    ),
                ),
                default="serve",
            ),
            Noun(
                "client",
                "Manage the programs that log users in with OpenID Connect.",
                (
                    _command("add", "client:add_client", "Add a program that logs users in with OpenID Connect."),
                    _command("list", "client:list_clients", "List the programs that log users in with OpenID Connect."),
                    _command("show", "client:show_client", "Show everything about one client, except its secret and its keys."),
                    _command("remove", "client:remove_client", "Remove a program that logs users in with OpenID Connect."),
                    Noun(
                        "key",
                        "Manage the keys that sign the tokens for clients.",
                        (
                            _command("list", "client:list_signing_keys", "List the published keys that sign tokens."),
                            _command("rotate", "client:rotate_signing_key", "Make a new key that signs tokens."),
                        ),
                    ),
                ),
            ),
            Noun(
                "person",
                "Manage people and companies.",
                (
                    _command("add", "person:add_person", "Add a person and print the new id."),
                    _command("list", "person:list_persons", "List people and companies."),
                    _command("review", "person:review", "Put a person under review."),
                ),
            ),
            Noun(
                "account",
                "Manage the accounts of people and companies.",
                (
                    _command("add", "account:add_account", "Open an account for a person and print its id."),
                    _command("list", "account:list_accounts", "List the accounts."),
                    _command("equity", "account:set_equity", "Set the equity of an account."),
                    _command("primary", "account:set_primary", "Make a user the primary user of an account."),
                ),
            ),
            Noun(
                "user",
                "Manage the users who can log in.",
                (
                    _command("add", "user:add_user", "Add a user and print the new id."),
                    _command("list", "user:list_users", "List the users."),
                    _command("card", "user:give_card", "Let a user log in with a card that is already in the records."),
                    _command(
                        "password", "user:set_password", "Set a new password for a user who has forgotten the old password."
                    ),
                    _command("email", "user:set_email", "Send a user's messages to another address."),
                    _command("profile", "user:show_profile", "Show the addresses and bank instructions of a user."),
                    _command("address", "user:set_address", "Correct the postal address of a user."),
                    _command("language", "user:set_language", "Change the language of a user's messages."),
                ),
            ),
            Noun(
                "issuer",
                "Make and ship the cards that users requested.",
                (
                    _command(
                        "list",
                        "issuer:list_waiting",
                        "List the requested cards that must still be made or shipped, the oldest first.",
                    ),
                    _command("make", "issuer:make", "Make all requested cards, one after another."),
                    _command("ship", "issuer:ship", "Record that a card was sent."),
                ),
            ),
            Noun(
                "phone",
                "Simulate an app on a phone.",
                (
                    _command("activate", "phone:activate", "Activate the app for a user."),
                    _command("users", "phone:users", "List the users of the app."),
                    _command("waiting", "phone:waiting", "List the logins that wait for an answer."),
                    _command("approve", "phone:approve", "Approve a login."),
                    _command("deny", "phone:deny", "Deny a login."),
                    _command("respond", "phone:respond", "Print the response to a challenge, without a network."),
                    _command("forget", "phone:forget", "Remove a user from the app, and the app from the user's devices."),
                ),
            ),
        ),
    ),
    Section(
        "Boards",
        (
            _command("flash", "flash:flash", "Install or update the firmware on a board."),
            _command("unflash", "flash:unflash", "Remove the firmware from a board."),
            _command("image", "image:image", "Build the files that turn a board into a card."),
        ),
    ),
    Section(
        "Service",
        (
            _command("serve", "service:serve", "Serve challenges and verdicts over HTTP."),
            Noun(
                "token",
                "Manage access tokens for the HTTP service.",
                (_command("new", "service:new_token", "Create a token for a caller of the service."),),
            ),
        ),
    ),
    Section(
        "Simulator",
        (
            Command("sim", "dsc_simulator.commands.sim:sim", "Show a simulated card, and use its keys."),
            Command("demo", "dsc_simulator.commands.demo:demo", "Watch a login with a card and a verifier."),
        ),
    ),
    Section(
        "About the command",
        (
            _command("help", "help:show_help", "Show the help of a command, or the list of all commands."),
            _command("doctor", "doctor:doctor", "Check an installation, and say what to do."),
            Noun(
                "config",
                "Show the settings of the command.",
                (
                    _command(
                        "show",
                        "config:show_settings",
                        "Show the database, the key file and the card that commands use, and where each comes from.",
                    ),
                ),
            ),
        ),
    ),
)
