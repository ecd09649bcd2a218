// Package shelf serves the models of this machine (package folder) by the engine
// of package embedded.
//
// A file is found when it stands in the folder and no longer changes. What it
// holds is examined without reading its weights; what cannot be served is
// listed with the reason. A model is loaded when it is first asked. Where memory
// is short, models that are not being asked make room for it, the one that was
// asked the longest ago first.
package shelf
