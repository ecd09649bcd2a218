package api_test

// chatRows are the rows of chats, which are people's own, and of what the
// console asks of models.
func chatRows() map[string]row {
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	own := func(path, body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return path + "?organisation=" + n.org, body }
	}
	const all = "+oa/oabdv"
	return map[string]row{
		"list-chats":       {all, 404, 200, own("/chats", ""), nil},
		"create-chat":      {all, 404, 201, own("/chats", `{"title":"t"}`), nil},
		"import-chat":      {all, 404, 201, own("/chats/import", `{"title":"t","messages":[]}`), nil},
		"get-chat":         {all, 404, 404, own("/chats/chat_none", ""), nil},
		"update-chat":      {all, 404, 404, own("/chats/chat_none", `{"title":"t"}`), nil},
		"delete-chat":      {all, 404, 404, own("/chats/chat_none", ""), nil},
		"ask-chat":         {all, 404, 404, own("/chats/chat_none/messages", `{"text":"t","model":"m"}`), nil},
		"stop-chat":        {all, 404, 404, own("/chats/chat_none/messages/msg_none/stop", ""), nil},
		"follow-chat":      {all, 404, 404, own("/chats/chat_none/messages/msg_none/events", ""), nil},
		"share-chat":       {all, 404, 404, own("/chats/chat_none/share", ""), nil},
		"unshare-chat":     {all, 404, 404, own("/chats/chat_none/share", ""), nil},
		"get-chat-picture": {all, 404, 404, own("/chats/chat_none/files/file_none", ""), nil},
		"get-shared-chat":  {"public", 0, 404, fixed("/shared/none", ""), nil},
		"play-chat": {"oa/oabdv", 404, 200, func(n tenant, _ int) (string, string) {
			return "/playground/chat/completions?organisation=" + n.org, `{}`
		}, nil},
		"upload-file": {"oa/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/playground/files?organisation=" + n.org, `{}` }, nil},
	}
}
