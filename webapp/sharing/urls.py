from django.urls import path

from webapp.sharing import export_views, import_views, public_views, views

urlpatterns = [
    path("c/<uuid:conversation_id>/share/", views.share, name="share"),
    path("c/<uuid:conversation_id>/share/hidden/", views.hidden, name="share_hidden"),
    path("shared/", views.shared_links, name="shared_links"),
    path("shared/<uuid:link_id>/revoke/", views.revoke, name="revoke_link"),
    path("s/<slug:token>/", public_views.shared_chat, name="shared_chat"),
    path("s/<slug:token>/picture/<uuid:picture_id>/", public_views.shared_picture, name="shared_picture"),
    path("s/<slug:token>/continue/", public_views.continue_shared, name="continue_shared"),
    path("s/<slug:token>/report/<uuid:reply_id>/", public_views.report_shared, name="report_shared"),
    path("robots.txt", public_views.robots, name="robots"),
    path("c/<uuid:conversation_id>/export/", export_views.export_chat, name="export_chat"),
    path("export/", export_views.export_all, name="export_all"),
    path("import/", import_views.import_chats, name="import_chats"),
    path("import/state/", import_views.import_state, name="import_state"),
    path("import/preview/", import_views.preview, name="import_preview"),
]
