"""Every method that the miIO server answers, and what its reply tells: `mynah privacy` shows it.

Whoever adds a method adds a row; a test compares the table with the server's methods. All of them
need the token, whatever the channel.
"""

METHODS = {
    "miIO.info": "model, version, MAC address, uptime, free memory; the Wi-Fi's name, strength and"
    " address",
    "miIO.config_router": "takes name and password of a Wi-Fi, over the set-up network only",
    "miIO.wifi_assoc_state": "how joining goes, and how often it went well or wrong",
    "mynah.wifi.scan": "the networks in reach, over the set-up network only",
    "mynah.wifi.cancel": "nothing; goes back to the old Wi-Fi, over the set-up network only",
    "miIO.reboot": "nothing; restarts the speaker",
    "miIO.restore": "nothing; the speaker forgets its owner",
    "miIO.ota": "that there are no updates over the network",
    "miIO.get_ota_state": "the same",
    "miIO.get_ota_progress": "the same",
    "get_properties": "the properties listed here",
    "set_properties": "nothing but whether a property was set",
    "action": "what an action puts out",
    "miIO.sub": "nothing; from then on changed properties, wake words heard, buttons pressed",
    "miIO.unsub": "nothing; no more of these",
    "mynah.home.add": "nothing; takes a home device with its token",
    "mynah.home.remove": "nothing; forgets a home device",
    "mynah.home.do": "what a sentence did to home devices, or which it may have meant",
    "mynah.home.list": "the home devices, their addresses and states; never their tokens",
    "mynah.privacy": "this report",
    "mynah.secure.status": "whether the secure mode is on, and its key's fingerprint",
    "mynah.secure.prepare": "a new key, once, inside a secure session while the mode is off",
    "mynah.secure.on": "the key's fingerprint; plain miIO is refused from now on",
    "mynah.secure.off": "nothing; plain miIO is taken again",
}
