#pragma once
class SDMMCFS {
 public:
  bool setPins(int clock, int command, int data);
  bool begin(const char* mount, bool one_bit);
};
extern SDMMCFS SD_MMC;
