"""How buttons, lists and fields look, in the theme's colours."""

from __future__ import annotations

from rt_handdt.gui import theme
from rt_handdt.gui.widgets.canvas import FAMILY


def style_sheet() -> str:
    """Qt's style sheet for pages with buttons, lists and fields; in the theme that holds now."""
    t = theme
    on_accent = t.ink(t.ACCENT)
    return f"""
QWidget {{ font-family: {FAMILY}; font-size: 14px; color: {t.TEXT}; }}
#page, #window {{ background: {t.BACKGROUND}; }}
QLabel {{ background: transparent; }}
QLabel[tone="muted"] {{ color: {t.MUTED}; }}
QLabel[tone="good"] {{ color: {t.GOOD}; }}
QLabel[tone="warn"] {{ color: {t.WARN}; }}
QLabel[tone="bad"] {{ color: {t.BAD}; }}
QLabel[face="title"] {{ font-size: 24px; font-weight: bold; }}
QLabel[face="heading"] {{ font-size: 16px; font-weight: 500; }}
QLabel[face="verdict"] {{ font-size: 17px; font-weight: bold; }}
QPushButton, QComboBox, QLineEdit {{
  background: {t.TRACK}; border: 1px solid {t.EDGE}; border-radius: 6px; padding: 6px 12px; min-height: 20px; }}
QProgressBar {{ background: {t.TRACK}; border: none; border-radius: 3px; }}
QProgressBar::chunk {{ background: {t.ACCENT}; border-radius: 3px; }}
QAbstractSpinBox {{ background: {t.TRACK}; color: {t.TEXT}; border: 1px solid {t.EDGE}; border-radius: 6px;
  padding: 5px 8px; min-height: 20px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; border: none; }}
QCheckBox::indicator, QListWidget::indicator {{ width: 15px; height: 15px; border: 1px solid {t.MUTED};
  border-radius: 3px; background: {t.TRACK}; }}
QCheckBox::indicator:checked, QListWidget::indicator:checked {{ background: {t.ACCENT}; border-color: {t.ACCENT}; }}
QAbstractSpinBox:focus {{ border: 1px solid {t.ACCENT}; }}
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled, QPushButton:disabled {{
  color: {t.MUTED}; background: {t.PANEL}; }}
QPushButton:hover, QComboBox:hover {{ border-color: {t.ACCENT}; }}
QPushButton:focus, QComboBox:focus, QLineEdit:focus, QTableWidget:focus, QListWidget:focus, QPlainTextEdit:focus {{
  border: 1px solid {t.ACCENT}; }}
QPushButton:checked {{ background: {t.ACCENT}; color: {on_accent}; border-color: {t.ACCENT}; }}
QPushButton[kind="main"]:enabled {{
  background: {t.ACCENT}; color: {on_accent}; font-weight: bold; font-size: 16px; padding: 8px 28px; }}
QPushButton[kind="main"]:disabled {{ font-size: 16px; padding: 8px 28px; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox QAbstractItemView {{ background: {t.PANEL}; selection-background-color: {t.ACCENT};
  selection-color: {on_accent}; }}
QTableWidget, QListWidget, QPlainTextEdit {{ background: {t.PANEL}; border: 1px solid {t.EDGE}; border-radius: 6px;
  gridline-color: {t.EDGE}; selection-background-color: {t.TRACK}; selection-color: {t.TEXT}; outline: 0; }}
QTableWidget::item, QListWidget::item {{ padding: 5px 8px; }}
QTableWidget::item:selected, QListWidget::item:selected {{ background: {t.TRACK}; color: {t.TEXT}; }}
QListWidget::item:selected {{ border-left: 4px solid {t.ACCENT}; }}
QTableWidget::item:disabled {{ color: {t.MUTED}; }}
QHeaderView::section {{ background: {t.PANEL}; color: {t.MUTED}; border: none;
  border-bottom: 1px solid {t.EDGE}; padding: 5px 8px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; }}
QScrollBar::handle:vertical {{ background: {t.FAINT}; border-radius: 5px; min-height: 24px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QToolTip {{ background: {t.PANEL}; color: {t.TEXT}; border: 1px solid {t.EDGE}; padding: 4px; }}
"""
