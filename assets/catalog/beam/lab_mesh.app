{application, lab_mesh,
 [{description, "A BEAM mesh as drawn: who is in it, whether they answer, and messages that find their way across sites"},
  {vsn, "1"},
  {modules, [lab_mesh, lab_mesh_app, lab_mesh_door]},
  {registered, [lab_mesh, lab_mesh_sup]},
  {applications, [kernel, stdlib]},
  {mod, {lab_mesh_app, []}}]}.
