from django.urls import path

from webapp.chat import organising_views, search_views, views

urlpatterns = [
    path("", views.new_chat, name="new_chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/turns/", views.turns, name="turns"),
    path("c/<uuid:conversation_id>/select/", views.select, name="select_branch"),
    path("c/<uuid:conversation_id>/queue/", views.queue, name="queue"),
    path("c/<uuid:conversation_id>/close/", views.close, name="close_chat"),
    path("c/<uuid:conversation_id>/rename/", views.rename, name="rename"),
    path("c/<uuid:conversation_id>/delete/", views.delete, name="delete"),
    path("conversations/", views.conversations, name="conversations"),
    path("c/<uuid:conversation_id>/pin/", organising_views.pin, name="pin"),
    path("c/<uuid:conversation_id>/archive/", organising_views.archive, name="archive"),
    path("c/<uuid:conversation_id>/seen/", organising_views.seen, name="seen"),
    path("c/<uuid:conversation_id>/unread/", organising_views.unread, name="unread"),
    path("c/<uuid:conversation_id>/fork/", organising_views.fork, name="fork"),
    path("c/<uuid:conversation_id>/folder/", organising_views.folder_choice, name="folder_choice"),
    path("c/<uuid:conversation_id>/tags/", organising_views.tags, name="tags"),
    path("folders/new/", organising_views.new_folder, name="new_folder"),
    path("folders/<uuid:folder_id>/", organising_views.folder, name="folder"),
    path("folders/<uuid:folder_id>/delete/", organising_views.delete_folder, name="delete_folder"),
    path("chats/", organising_views.all_chats, name="all_chats"),
    path("chats/act/", organising_views.act, name="act_on_chats"),
    path("archive/", organising_views.archived, name="archived"),
    path("search/", search_views.search_page, name="search"),
    path("search/results/", search_views.results, name="search_results"),
    path("about/", views.about, name="about"),
]
