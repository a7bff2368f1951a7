"""What the speaker can do and tell, as MIoT properties, actions and events.

Generated from firmware/spec/mynah-speaker.json by mynah.miio.specgen: do not edit.
Read by rows.py.
"""

# siid.piid name format access allowed
#   access: 1 read, 2 write, 4 notify, or their sum
#   allowed: lowest:highest:step, values with commas between, or -
PROPERTIES = b"""
1.1 device-information.manufacturer string 1 -
1.2 device-information.model string 1 -
1.3 device-information.serial-number string 1 -
1.4 device-information.firmware-revision string 1 -
2.1 speaker.volume uint8 7 0:100:1
2.2 speaker.mute bool 7 -
3.1 play-control.playing-state uint8 5 0,1,2
4.1 microphone.mute bool 7 -
5.1 intelligent-speaker.text-content string 0 -
5.2 intelligent-speaker.silent-execution bool 0 -
5.5 intelligent-speaker.answer string 0 -
6.1 clock.time uint32 3 0:4294967295:1
6.2 clock.utc-offset int16 7 -720:840:1
7.1 indicator-light.on bool 7 -
7.2 indicator-light.brightness uint8 7 1:100:1
7.3 indicator-light.color uint32 7 0:16777215:1
8.1 wake.wake-word string 5 -
8.2 wake.count uint32 5 0:4294967295:1
8.3 wake.last-probability uint8 5 0:255:1
8.4 wake.last-time uint32 5 0:4294967295:1
8.5 wake.history string 0 -
8.6 wake.last-word string 5 -
8.7 wake.models string 5 -
8.8 wake.miss-count uint32 5 0:4294967295:1
8.9 wake.last-miss uint8 5 0:255:1
8.10 wake.last-miss-word string 5 -
8.11 wake.model string 0 -
8.12 wake.enabled bool 0 -
8.13 wake.sensitivity uint8 0 0,1,2
8.14 wake.cutoff uint8 0 1:254:1
8.15 wake.window uint8 0 1:255:1
9.1 button.name string 0 -
"""

# siid.aiid name, piids of the arguments
ACTIONS = b"""
3.1 play-control.play
3.2 play-control.pause
3.5 play-control.stop
5.1 intelligent-speaker.play-text 1
5.5 intelligent-speaker.execute-text-directive 1 2
6.1 clock.stop-alarm
8.1 wake.enable 11 12
8.2 wake.set-sensitivity 11 13
8.3 wake.set-cutoff 11 14 15
8.4 wake.read-history 11
"""

# name siid eiid, piids of what comes with it
EVENTS = b"""
wake.heard 8 1 6 3
wake.missed 8 2 10 9
button.pressed 9 1 1
button.held 9 2 1
"""
