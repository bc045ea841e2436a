"""The properties that MDT declares: what a file of rules may set.

Source: ZTIGather.xml of MDT 8456, as FriendsOfMDT/PSD carries it with the properties of its own (e2bde47).  The 13 that
"can be overwritten (last value wins)" are marked so there.
"""

from __future__ import annotations

OVERWRITTEN = frozenset(
    """
    DeployDrive DeploymentMethod DeploymentType DeployRoot DestinationDisk DestinationOSInstallType
    DestinationOSVariable DestinationPartition Phase PSDDeployRoots PSDResoureRoots ResourceDrive ResourceRoot
    """.lower().split()
)
"""What the last section decides, in lower case; of all else the first does."""

LISTS = frozenset(
    """
    Administrators Applications DeviceRole DomainOUs DriverGroup DriverPaths Groups IntuneGroup LanguagePacks
    Location MandatoryApplications PackageGroup Packages PowerUsers PSDReadinessCheck Role StorageDriverGroup
    StorageDriverSysPrepGroup USMTMigFiles WUMU_ExcludeID WUMU_ExcludeKB
    """.lower().split()
)
"""Lists, in lower case: their elements are ``Name001``, ``Name002`` and so on."""

SINGLE = frozenset(
    """
    _SMSTSORGNAME _SMSTSPackageName ADDSLogPath ADDSPassword ADDSUserDomain ADDSUserName AdminPassword
    ApplicationSuccessCodes ApplyGPOPack AreaCode AutoConfigDNS AutoMode AutoUsers BackupDir BackupDrive BackupFile
    BackupShare BdeAllowAlphaNumericPin BdeDisablePreProvisioning BdeDriveLetter BdeDriveSize BdeInstall
    BdeInstallSuppress BdeKeyLocation BdePin BDEPinMinLength BdeRecoveryKey BdeWaitForEncryption BitsPerPel BuildID
    CaptureGroups ChildName ComputerBackupLocation ComputerName ConfigFileName ConfigFilePackage ConfirmGC
    CountryCode CriticalReplicationOnly CustomDriverSelectionProfile CustomPackageSelectionProfile
    CustomWizardSelectionProfile DatabasePath DeviceRoleAllowBypass DHCPScopes DHCPScopes0Description
    DHCPScopes0EndIP DHCPScopes0ExcludeEndIP DHCPScopes0ExcludeStartIP DHCPScopes0IP DHCPScopes0Name
    DHCPScopes0OptionDNSDomainName DHCPScopes0OptionDNSServer DHCPScopes0OptionLease DHCPScopes0OptionNBTNodeType
    DHCPScopes0OptionPXEClient DHCPScopes0OptionRouter DHCPScopes0OptionWINSServer DHCPScopes0StartIP
    DHCPScopes0SubnetMask DHCPServerOptionDNSDomainName DHCPServerOptionDNSServer DHCPServerOptionNBTNodeType
    DHCPServerOptionPXEClient DHCPServerOptionRouter DHCPServerOptionWINSServer Dialing DisableTaskMgr
    DNSServerOptionBINDSecondaries DNSServerOptionDisableRecursion DNSServerOptionEnableNetmaskOrdering
    DNSServerOptionEnableRoundRobin DNSServerOptionEnableSecureCache DNSServerOptionFailOnLoad
    DNSServerOptionNameCheckFlag DNSZones DNSZones0DirectoryPartition DNSZones0FileName DNSZones0MasterIP
    DNSZones0Name DNSZones0Scavenge DNSZones0Type DNSZones0Update DoCapture DomainAdmin DomainAdminDomain
    DomainAdminPassword DomainLevel DomainNetBiosName DoNotCreateExtraPartition DoNotFormatAndPartition DriverPath
    DriverSelectionProfile DynamicallyUpdateWinSetup EventService EventShare FallBackDriverPath FinishAction
    ForceApplyFallback ForestLevel FullName GenericDriverPath GPOPackPath HideShell Home_Page ImagePackageID
    InputLocale InstallPackageID IntuneGroupAllowBypass JoinDomain JoinWorkgroup KeyboardLocale KeyboardLocalePE
    LoadStateArgs LogUserDomain LogUserID LogUserPassword LongDistanceAccess MachineObjectOU NewDomain
    NewDomainDNSName OptionalOSFeatures OptionalOSRoles OptionalOSRoleServices OrgName OSArchitecture
    OSDAdapter0DNSServerList OSDAdapter0DNSSuffix OSDAdapter0EnableDHCP OSDAdapter0EnableDNSRegistration
    OSDAdapter0EnableFullDNSRegistration OSDAdapter0EnableLMHOSTS OSDAdapter0EnableTCPIPFiltering
    OSDAdapter0EnableWINS OSDAdapter0GatewayCostMetric OSDAdapter0Gateways OSDAdapter0IPAddressList
    OSDAdapter0IPProtocolFilterList OSDAdapter0MacAddress OSDAdapter0Name OSDAdapter0SubnetMask
    OSDAdapter0TCPFilterPortList OSDAdapter0TcpipNetbiosOptions OSDAdapter0UDPFilterPortList
    OSDAdapter0WINSServerList OSDAdapterCount OSDAddAdmin OSDAnswerFilePath OSDApplicationList OSDArchitecture
    OSDBitLockerCreateRecoveryPassword OSDBitLockerMode OSDBitLockerRecoveryPassword OSDBitLockerStartupKey
    OSDBitLockerStartupKeyDrive OSDBitLockerTargetDrive OSDBitLockerWaitForEncryption OSDComputerName OSDDiskAlign
    OSDDiskIndex OSDDiskPart OSDDiskpartBiosCompatibilityMode OSDDomainName OSDDomainOUName OSDImageCreator
    OSDImageIndex OSDImagePackageID OSDInstallEditionIndex OSDINSTALLPACKAGE OSDINSTALLPROGRAM OSDINSTALLSILENT
    OSDInstallType OSDisk OSDJoinAccount OSDJoinPassword OSDLocalAdminPassword OSDMigrateAdditionalCaptureOptions
    OSDMigrateAdditionalRestoreOptions OSDMP OSDNEWMACHINENAME OSDPartitions OSDPartitions0BOOTABLE
    OSDPartitions0FILESYSTEM OSDPartitions0QUICKFORMAT OSDPartitions0SIZE OSDPartitions0SIZEUNITS OSDPartitions0TYPE
    OSDPartitions0VOLUMELETTERVARIABLE OSDPartitions0VOLUMENAME OSDPartitions1BOOTABLE OSDPartitions1FILESYSTEM
    OSDPartitions1QUICKFORMAT OSDPartitions1SIZE OSDPartitions1SIZEUNITS OSDPartitions1TYPE
    OSDPartitions1VOLUMELETTERVARIABLE OSDPartitions1VOLUMENAME OSDSITECODE OSDStateStorePath OSDTargetDrive
    OSDTargetSystemDrive OSDTargetSystemRoot OSDTimeZone OSDWinPEWinDir OSDWorkgroupName OSFeatures OSInstall
    OSRoles OSRoleServices OSVersionNumber OverrideProductKey PackageSelectionProfile ParentDomainDNSName
    PrepareWinRE ProductKey PSDDebug PSDLoaderLogo PSDPrestartMode PSDPrestartPosition PSDReadinessAllowBypass
    PSDReadinessScript PSDWizard PSDWizardCollapseTSList PSDWizardCustomPaneAllowBypass PSDWizardLogo PSDWizardTheme
    ReplicaDomainDNSName ReplicaOrNewDomain ReplicationSourceDC SafeModeAdminPassword ScanStateArgs ServerA ServerB
    ServerC SiteName SkipAdminAccounts SkipAdminPassword SkipApplications SkipBDDWelcome SkipBitLocker
    SkipBitLockerDetails SkipBuild SkipCapture SkipComputerBackup SkipComputerName SkipDeploymentType
    SkipDeployReadiness SkipDiskSelection SkipDomainMembership SkipFinalSummary SkipGroupSubFolders SkipIntuneGroup
    SkipLocaleSelection SkipPackageDisplay SkipProductKey SkipPSDWelcome SkipPSDWizardSplashScreen
    SkipReadinessCheck SkipRearm SkipRoles SkipRoleSelection SkipSummary SkipTaskSequence SkipTimeZone SkipUserData
    SkipWizard SLShare SLShareDynamicLogging SMSTSAssignUsersMode SMSTSPreferredAdvertID SMSTSRunCommandLineUserName
    SMSTSRunCommandLineUserPassword SMSTSUDAUsers SysPrepDriverSelectionProfile SystemLocale SysVolPath
    TaskSequenceID TimeZone TimeZoneName TpmOwnerPassword UDDir UDILocale UDProfiles UDShare UILanguage
    UninstallOSFeatures UninstallOSRoles UninstallOSRoleServices UserDataLocation UserDomain UserID UserLocale
    UserPassword USMT3 USMT4 USMTConfigFile USMTOfflineMigration ValidateDomainCredentialsUNC Vrefresh VSSMaxSize
    WDSServer WindowsSource WindowsUpgradeAdditionalOptions WINSPartners WINSPartners0IP WINSPartners0Name
    WINSPartners0Type WipeDisk WizardSelectionProfile WsusServer Xresolution Yresolution
    """.lower().split()
)
"""All others, in lower case."""
