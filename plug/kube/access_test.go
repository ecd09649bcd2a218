package kube

import (
	"bytes"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

func TestAccess(t *testing.T) {
	for namespace, kind := range map[string]string{"models": "Role", "": "ClusterRole"} {
		out, err := Access("gateway", namespace)
		if err != nil {
			t.Fatal(err)
		}
		parts := bytes.Split(out, []byte("---\n"))
		var account corev1.ServiceAccount
		var role rbacv1.Role // a ClusterRole has the same fields and one more
		var binding rbacv1.RoleBinding
		for i, into := range []any{&account, &role, &binding} {
			if err := yaml.UnmarshalStrict(parts[i], into); err != nil {
				t.Fatalf("%v in\n%s", err, parts[i])
			}
		}
		if role.Kind != kind || binding.Kind != kind+"Binding" || binding.RoleRef.Kind != kind || role.Namespace != namespace {
			t.Errorf("in %q: %+v, %+v", namespace, role, binding)
		}
		if s := binding.Subjects[0]; account.Name != s.Name || account.Namespace != s.Namespace || s.Namespace != "gateway" {
			t.Errorf("bound to %+v", s)
		}
	}
}

func TestStartTries(t *testing.T) {
	for size, want := range map[string]int{"0": 60, "500Mi": 61, "200Gi": 470, "1Ti": 2158} {
		if got, err := StartTries(size); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", size, got, err, want)
		}
	}
	for _, size := range []string{"much", "-1Gi"} {
		if _, err := StartTries(size); err == nil {
			t.Errorf("%s is a size", size)
		}
	}
}
