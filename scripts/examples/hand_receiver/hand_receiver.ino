// A servo that closes on "hand_close", as far as the muscle is tense, and opens on everything else.
// Computer: rt-handdt live --bundle models/default --sink serial:/dev/ttyACM0
#include <Servo.h>

#include "hand_lines.h"

const int SERVO_PIN = 9;
const int OPEN_DEG = 10, CLOSED_DEG = 150;

HandLines hand;
Servo servo;

void setup() {
  Serial.begin(115200);
  servo.attach(SERVO_PIN);
  servo.write(OPEN_DEG);
  pinMode(LED_BUILTIN, OUTPUT);
}

void loop() {
  while (Serial.available()) hand.feed(Serial.read(), millis()); // always read: what waits grows old
  bool closing = hand.may_act(millis()) && strcmp(hand.label, "hand_close") == 0;
  int level = constrain(hand.level, 0, 100);
  servo.write(closing ? map(level, 0, 100, OPEN_DEG, CLOSED_DEG) : OPEN_DEG);
  digitalWrite(LED_BUILTIN, closing);
}
